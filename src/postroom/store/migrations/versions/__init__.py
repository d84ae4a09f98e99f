"""The migrations. A file is named by its number, which is also its revision; none is edited once it was released."""
