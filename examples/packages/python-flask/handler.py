from flask import Flask
from inflection import pluralize

app = Flask(__name__)


@app.post("/")
def hello():
    return f"one bee, two {pluralize('bee')}\n"
