import inflection


def handle(event, context):
    return {"message": f"one bee, two {inflection.pluralize('bee')}"}
