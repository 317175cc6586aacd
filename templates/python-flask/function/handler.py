from flask import Flask, request

app = Flask(__name__)


# The path begins behind the function's name: /function/NAME/orders/7 is /orders/7 here.
@app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@app.route("/<path:path>", methods=["GET", "POST"])
def hello(path):
    return {"message": "Hello from Flask", "method": request.method, "received": request.get_data(as_text=True)}
