"""The Settings area of the product: tags and custom fields by category, and the account. Not Django's settings."""
