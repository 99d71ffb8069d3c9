echo starting
python -m service
