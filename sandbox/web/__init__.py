"""What a browser sees: the course site's theme and generated parts, and the server that grades from the page."""
