"""The company's four backends: Auth, Request, User and Shift, on one SQL database."""
