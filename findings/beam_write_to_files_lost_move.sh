#!/usr/bin/env bash
# findings/beam_write_to_files_lost_move.sh: about two minutes, needs Python 3.11+ and a package index.
#
# apache-beam 2.77.0. `fileio.WriteToFiles` writes temporary files and moves them to their names in the end. Expected: a
# file that cannot be moved fails the job. Seen: `_MoveTempFilesIntoFinalDestinationFn` takes every BeamIOError for a
# repeated bundle, logs it at DEBUG and goes on; the job ends as DONE, one file is missing, its rows are left in the
# temporary folder. Remedy: count what lies there afterwards, or write and move in a DoFn of your own (docs/adr/0013).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apache-beam==2.77.0
cd "$folder"
cat >move.py <<'PYTHON'
import pathlib

import apache_beam as beam
from apache_beam.io import fileio
from apache_beam.options.pipeline_options import PipelineOptions

out = pathlib.Path("out")
(out / "part-1" / "something that is in the way").mkdir(parents=True)
pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
_ = (
    pipeline
    | beam.Create(["0", "1", "2"])
    | fileio.WriteToFiles(
        str(out),
        destination=lambda row: row,
        sink=lambda _: fileio.TextSink(),
        file_naming=lambda *naming: f"part-{naming[-1]}",
    )
)
result = pipeline.run()
result.wait_until_finish()
print("RESULT", result.state, sorted(file.name for file in out.glob("part-*") if file.is_file()))
PYTHON
seen=$("$folder/venv/bin/python" move.py 2>&1 | grep '^RESULT')
echo "$seen"
[ "$seen" == "RESULT DONE ['part-0', 'part-2']" ] || { echo "changed"; exit 1; }
