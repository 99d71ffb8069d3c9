"""Lab 02: tests, graded as a classifier of implementations: correct ones must pass, faulty ones must not."""

from sandbox.grading import SimpleCase, check, each_case, each_fault

CORRECT = (
    SimpleCase("reference", "the correct code that you were given", 0),
    SimpleCase("arrays", "correct code made of tables, sorted searches and numpy", 1),
    SimpleCase("loops", "correct code made of plain loops", 2),
    SimpleCase("records", "correct code made of classes and dataclasses", 3),
)


@check(points=0.5, hint="A test calls a function and compares what comes back with what the contract promises.")
def check_unit_tests_judge(suite):
    """Your unit tests pass with correct code and fail with code that is wrong everywhere."""
    suite.tells_right_from_wrong("unit")


@check(
    points=0.5,
    after="unit_tests_judge",
    hint="Assert what the contract promises, and nothing that only this code happens to do.",
)
@each_case(CORRECT)
def check_unit_tests_accept(case, suite):
    """Your unit tests pass with {case.title}."""
    suite.must_accept("unit", case.value)


@check(
    points=8,
    after="unit_tests_accept",
    hint="A border is where two rules meet: test the value on it and the one beside it.",
)
@each_fault("features")
def check_unit_tests_catch(fault, suite):
    """Your unit tests fail when {fault.title}."""
    suite.must_catch("unit", fault)


@check(points=0.5, hint="TestClient(create_app(model)) answers requests without a server; the model is yours to write.")
def check_api_tests_judge(suite):
    """Your integration tests pass with a correct service and fail with one that is wrong everywhere."""
    suite.tells_right_from_wrong("integration")


@check(
    points=0.5,
    after="api_tests_judge",
    hint="Texts of messages, the order of keys and calls inside the service are not in the contract.",
)
@each_case(CORRECT)
def check_api_tests_accept(case, suite):
    """Your integration tests pass with {case.title}."""
    suite.must_accept("integration", case.value)


@check(points=4, after="api_tests_accept", hint="What can only go wrong between two flights, two requests or two apps?")
@each_fault("api")
def check_api_tests_catch(fault, suite):
    """Your integration tests fail when {fault.title}."""
    suite.must_catch("integration", fault)


@check(points=0.5, hint="A class that extends unittest.TestCase, methods test_*, and assertions that are methods.")
def check_legacy_tests_judge(suite):
    """Your unittest module passes with the correct legacy clock and fails with one that is wrong everywhere."""
    suite.tells_right_from_wrong("legacy")


@check(points=0.5, after="legacy_tests_judge", hint="Test what the functions return, not how they come to it.")
@each_case(CORRECT)
def check_legacy_tests_accept(case, suite):
    """Your unittest module passes with {case.title}."""
    suite.must_accept("legacy", case.value)


@check(points=3, after="legacy_tests_accept", hint="Noon, midnight, the first and the last minute of the night.")
@each_fault("legacy")
def check_legacy_tests_catch(fault, suite):
    """Your unittest module fails when {fault.title}."""
    suite.must_catch("legacy", fault)


@check(
    points=1,
    after=["unit_tests_accept", "api_tests_accept"],
    hint="Each test makes what it needs and leaves nothing that another one needs.",
)
def check_survives_any_order(suite, lab):
    """Your tests give the same verdict in every order."""
    suite.again("order", {"unit": lab.faults("features"), "integration": lab.faults("api")})


@check(
    points=1,
    after=["unit_tests_accept", "api_tests_accept"],
    hint="Look for files that a test writes: where, and who removes them?",
)
def check_runs_twice(suite, lab):
    """Your tests give the same verdict when they run again in the same folder."""
    suite.again("twice", {"unit": lab.faults("features"), "integration": lab.faults("api")})
