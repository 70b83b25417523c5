"""The reconcile loop: observe, decide, write the intent, execute it, write the result."""
