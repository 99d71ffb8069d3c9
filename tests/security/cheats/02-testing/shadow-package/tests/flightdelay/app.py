def create_app(model):
    return model
