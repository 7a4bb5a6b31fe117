"""What the app's developers get: the API's document as a file, and a Postman collection made from it."""
