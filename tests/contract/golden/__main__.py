"""Write the golden files anew: `python -m tests.contract.golden`. Read the difference, then commit."""

from tests.contract.golden.files import ENVIRONMENTS, compiled, golden_file

if __name__ == "__main__":
    for environment in ENVIRONMENTS:
        golden_file(environment).write_text(compiled(environment))
        print(golden_file(environment))
