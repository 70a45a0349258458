"""The language of filters: `depth>6 and evaluate.auc>0.7 and tag=try`, read into conditions."""

from penstock.core.where.names import UNCHECKED, order, shown, subject
from penstock.core.where.reader import where

__all__ = ["UNCHECKED", "order", "shown", "subject", "where"]
