"""Values to artifacts and back, over a store and the serializers."""
