"""The numbers of the front page: counted here, shown by the admin."""
