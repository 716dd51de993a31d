"""How schemathesis sends the two kinds of bodies that it takes for something else: as the text that they are."""

import schemathesis


def wire(value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.serializer("multipart/mixed")
def batch(ctx, value):
    return {"data": wire(value), "headers": {"Content-Type": "multipart/mixed; boundary=batch_example"}}


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return {"data": wire(value)}
