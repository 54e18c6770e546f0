"""The structs of the API and the pure rules about them: no transport, no SQL."""
