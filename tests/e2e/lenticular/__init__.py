"""What the suites share: the server as a process, HTTP as bytes, DICOM and FHIR inputs.

Each test module has its own server on free ports with its own data folder. Nothing sleeps: a test waits for a line, an
answer or the end of a process, with a deadline.
"""
