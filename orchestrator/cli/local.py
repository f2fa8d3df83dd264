"""The verbs that don't drive the fleet."""
