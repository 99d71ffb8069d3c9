"""Save the model as MLflow does, for `mlflow models serve`: MODEL FOLDER."""

from __future__ import annotations

import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    model, folder = sys.argv[1:]
    mlflow.sklearn.save_model(
        joblib.load(model),
        folder,
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
    )
