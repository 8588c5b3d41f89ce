"""The KFP component of `report`."""

from kfp import dsl

from components.shared.stage.kfp import component


@component
def report(
    status: dsl.PipelineTaskFinalStatus, pipeline: str, run_id: str, scored_at: str, version: str,
    command: str, settings: str, report: dsl.Output[dsl.HTML],
) -> None:  # fmt: skip
    """The records of a run in, a page and a manifest out: the exit task, whatever became of the others."""
    from components.shared.stage.opening import open_stage

    report.uri += ".html"
    with open_stage("report", locals()) as stage:
        from components.report import core
        from components.report.manifest import RunInfo
        from components.report.settings import ReportStage

        given = {"run_id": run_id, "scored_at": scored_at, "version": version}
        info = RunInfo.of(pipeline, command, given, status)
        folder = stage.record.folder and stage.record.folder.parent
        stage.done(core.run(stage.settings(ReportStage), info, stage.path(report), folder))
