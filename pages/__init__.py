"""The pages, each one question a person asks. Every one of them runs inside app.py (see `frame.enter`)."""
