import unittest


class Disk(unittest.TestCase):
    def test_disk(self):
        with open("large", "wb") as file:
            for _ in range(4096):
                file.write(bytes(2**20))
        self.fail()
