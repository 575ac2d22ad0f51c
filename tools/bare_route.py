"""A FastAPI application of one route that returns a constant: how fast the web framework is on this machine."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def constant() -> dict[str, str]:
    """The least that an answer can be."""
    return {"rain": "none"}
