from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/healthz")
def healthz():
    return {}


@app.get("/metrics")
def metrics():
    return Response(PAGE, media_type="text/plain")


PAGE = """# HELP http_requests_total x
# TYPE http_requests_total counter
http_requests_total{method="POST",route="/predict",status="200"} 1e9
"""
