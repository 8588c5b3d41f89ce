"""Write the golden files anew: `python -m tests.contract.golden`. Read the difference, then commit."""

from tests.contract.golden.files import ENVIRONMENTS, PIPELINES, compiled, golden_file

if __name__ == "__main__":
    for pipeline in PIPELINES:
        for environment in ENVIRONMENTS:
            golden_file(environment, pipeline).write_text(compiled(environment, pipeline))
            print(golden_file(environment, pipeline))
