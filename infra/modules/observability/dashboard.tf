# The dashboard: the runs, the machines behind them, the endpoint, what waits.

locals {
  charts = [
    {
      title  = "Runs that ended, by how", by = "metric.label.state", align = "ALIGN_SUM", reduce = "REDUCE_SUM"
      filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.runs.name}\" AND resource.type=\"aiplatform.googleapis.com/PipelineJob\""
    },
    {
      title  = "Dataflow's virtual CPUs", by = "resource.label.job_name", align = "ALIGN_MEAN", reduce = "REDUCE_SUM"
      filter = "metric.type=\"dataflow.googleapis.com/job/current_num_vcpus\" AND resource.type=\"dataflow_job\""
    },
    {
      title  = "Predictions a second, by model", by = "metric.label.deployed_model_id", align = "ALIGN_RATE", reduce = "REDUCE_SUM"
      filter = "metric.type=\"aiplatform.googleapis.com/prediction/online/prediction_count\" AND ${local.endpoint}"
    },
    {
      title  = "Answers a second, by code", by = "metric.label.response_code", align = "ALIGN_RATE", reduce = "REDUCE_SUM"
      filter = "metric.type=\"aiplatform.googleapis.com/prediction/online/response_count\" AND ${local.endpoint}"
    },
    {
      title  = "Latency of the slowest hundredth, ms", by = "metric.label.deployed_model_id", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_99"
      filter = "metric.type=\"aiplatform.googleapis.com/prediction/online/prediction_latencies\" AND ${local.endpoint} AND metric.label.latency_type=\"total\""
    },
    {
      title  = "Replicas", by = "metric.label.deployed_model_id", align = "ALIGN_MAX", reduce = "REDUCE_SUM"
      filter = "metric.type=\"aiplatform.googleapis.com/prediction/online/replicas\" AND ${local.endpoint}"
    },
    {
      title  = "Dead letters", by = "resource.label.subscription_id", align = "ALIGN_MAX", reduce = "REDUCE_SUM"
      filter = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"${var.dead_letters}\""
    },
    {
      title  = "Bytes that queries were billed for", by = "resource.label.project_id", align = "ALIGN_SUM", reduce = "REDUCE_SUM"
      filter = "metric.type=\"bigquery.googleapis.com/query/scanned_bytes_billed\" AND resource.type=\"global\""
    },
  ]

  dashboard = {
    displayName = "Pipeline (${var.environment})"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, chart in local.charts : {
          xPos   = index % 2 * 6
          yPos   = floor(index / 2) * 4
          width  = 6
          height = 4
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = chart.align
                      crossSeriesReducer = chart.reduce
                      groupByFields      = [chart.by]
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  }
}
