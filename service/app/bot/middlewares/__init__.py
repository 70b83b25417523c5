"""The layers around a handler, one a file.

Around the update, outermost first: metrics, addressed, i18n, rate_limit, auth. Around the handler that was found:
guard, handler_span.
"""
