"""The loop: observe, decide, write the intent, carry it out, write what came of it."""
