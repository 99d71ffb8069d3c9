"""One change to the solution."""

from pathlib import Path

path = Path("infra/modules/model-platform/main.tf")
old = '''dimensions          = { QueueName = aws_sqs_queue.dead_letter.name }'''
new = '''dimensions          = { QueueName = aws_sqs_queue.retraining.name }'''
text = path.read_text()
assert text.count(old) == 1
path.write_text(text.replace(old, new))
