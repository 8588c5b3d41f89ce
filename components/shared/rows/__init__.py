"""What a row, a raw value and a rejected row are."""
