"""The two custom resources as Python knows them: RemediationPolicy and Remediation.

Models only: reading and writing the API server's objects is here, talking to it is not.
"""
