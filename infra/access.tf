# Who may do what. infra/iam_matrix.yaml says why, and a test compares the two.

locals {
  accounts = merge(
    {
      pipeline         = "Runs the stages"
      dataflow-worker  = "Runs Beam's workers"
      trainer          = "Runs the training job"
      serving          = "Runs the prediction server"
      trigger          = "Starts a run when a message comes"
      trigger-invoker  = "Calls the trigger for Pub/Sub"
      function-builder = "Builds the trigger's image"
      delivery         = "Builds, tests and delivers"
    },
    var.workbench == null ? {} : { workbench = "Runs notebooks" },
  )

  custom_roles = merge(
    {
      pipelineRunStarter = {
        title       = "Start pipeline runs"
        permissions = ["aiplatform.pipelineJobs.create", "aiplatform.pipelineJobs.get", "resourcemanager.projects.get"]
      }
      pipelineRunCanceller = { # the predefined role that has these is roles/dataflow.developer
        title       = "Cancel the Dataflow jobs of a run"
        permissions = ["dataflow.jobs.cancel", "dataflow.jobs.get", "dataflow.jobs.list"]
      }
    },
    var.network.vertex_range == null ? {} : {
      pipelineNetworkAttacher = { # the predefined role that has these is roles/compute.networkAdmin
        title       = "Attach Vertex AI to the pipeline's network"
        permissions = ["compute.networkAttachments.get", "compute.networkAttachments.update", "compute.regionOperations.get"]
      }
    },
    var.tracking.tensorboard ? {
      pipelineCurveWriter = { # the predefined role that has these is roles/aiplatform.user
        title = "Write the training's curves"
        permissions = [
          "aiplatform.tensorboards.get", "aiplatform.tensorboardExperiments.create", "aiplatform.tensorboardExperiments.get",
          "aiplatform.tensorboardExperiments.write", "aiplatform.tensorboardRuns.batchCreate", "aiplatform.tensorboardRuns.create",
          "aiplatform.tensorboardRuns.get", "aiplatform.tensorboardRuns.list", "aiplatform.tensorboardRuns.write",
          "aiplatform.tensorboardTimeSeries.batchCreate", "aiplatform.tensorboardTimeSeries.create",
          "aiplatform.tensorboardTimeSeries.get", "aiplatform.tensorboardTimeSeries.list",
        ]
      }
    } : {},
  )
  custom_role = { for id in keys(local.custom_roles) : id => "projects/${var.project}/roles/${id}" }

  # [who, role] on the project: only what cannot be granted on anything smaller.
  on_project = concat(
    [
      ["pipeline", "roles/aiplatform.user"],
      ["pipeline", "roles/bigquery.jobUser"],
      ["pipeline", "roles/dataflow.developer"],
      ["pipeline", "roles/logging.logWriter"],
      ["dataflow-worker", "roles/dataflow.worker"],
      ["trainer", "roles/logging.logWriter"],
      ["serving", "roles/logging.logWriter"],
      ["trigger", local.custom_role.pipelineRunStarter],
      ["trigger", "roles/logging.logWriter"],
      ["function-builder", "roles/logging.logWriter"],
      ["delivery", "roles/aiplatform.user"],
      ["delivery", "roles/bigquery.jobUser"],
      ["delivery", local.custom_role.pipelineRunCanceller],
      ["delivery", "roles/logging.logWriter"],
      ["delivery", "roles/ondemandscanning.admin"],
    ],
    var.network.vertex_range == null ? [] : [[local.agents.vertex, local.custom_role.pipelineNetworkAttacher]],
    var.tracking.tensorboard ? [["trainer", local.custom_role.pipelineCurveWriter]] : [],
    tolist(setproduct(
      var.operators,
      ["roles/aiplatform.user", "roles/bigquery.jobUser", "roles/logging.viewer", local.custom_role.pipelineRunCanceller],
    )),
    var.workbench == null ? [] : [["workbench", "roles/aiplatform.user"], ["workbench", "roles/bigquery.jobUser"]],
  )
  project_grants = merge(
    { for each in local.on_project : "${each[0]} ${each[1]}" => { who = each[0], role = each[1] } },
    {
      "function-builder roles/storage.objectViewer" = {
        who  = "function-builder"
        role = "roles/storage.objectViewer"
        condition = { # Cloud Functions makes this bucket itself, so nothing can be granted on it beforehand
          title      = "only-function-sources"
          expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${var.project_number}-${var.region}\")"
        }
      }
    },
  )

  # [who, account]: who may run something as which account.
  act_as = concat(
    [
      ["pipeline", "dataflow-worker"],
      ["pipeline", "trainer"],
      ["pipeline", "serving"],
      ["trigger", "pipeline"],
      ["delivery", "pipeline"],
    ],
    [for who in var.operators : [who, "pipeline"]],
    var.workbench == null ? [] : [["workbench", "pipeline"]],
  )
  account_grants = {
    for each in local.act_as : "${each[0]} as ${each[1]}" => {
      who     = each[0]
      role    = "roles/iam.serviceAccountUser"
      account = each[1]
    }
  }

  member = module.identity.members

  # [who, role] on the pipeline's bucket. objectUser cannot look at the bucket itself, which some clients do.
  on_bucket = concat(
    tolist(setproduct(
      concat(["pipeline", "delivery"], tolist(var.operators)),
      ["roles/storage.legacyBucketReader", "roles/storage.objectUser"],
    )),
    [
      ["dataflow-worker", "roles/storage.objectUser"],
      ["trainer", "roles/storage.objectUser"],
      ["serving", "roles/storage.objectViewer"],
      ["trigger", "roles/storage.legacyBucketReader"],
    ],
    var.workbench == null ? [] : [["workbench", "roles/storage.legacyBucketReader"], ["workbench", "roles/storage.objectViewer"]],
  )
  bucket_grants = merge(
    {
      for each in local.on_bucket : "${each[0]} ${each[1]}" => {
        role   = each[1]
        member = lookup(local.member, each[0], each[0])
      }
    },
    {
      "trigger roles/storage.objectViewer" = {
        role   = "roles/storage.objectViewer"
        member = local.member["trigger"]
        folder = "pipelines"
      }
    },
  )

  # [who, role, dataset].
  on_datasets = concat(
    [for name in var.warehouse.sources : ["pipeline", "roles/bigquery.dataViewer", name]],
    [
      ["pipeline", "roles/bigquery.dataEditor", var.warehouse.temporary],
      ["pipeline", "roles/bigquery.dataEditor", var.warehouse.predictions],
    ],
    tolist(setproduct(var.operators, ["roles/bigquery.dataEditor"], var.warehouse.sources)),
    # The run from end to end loads the sample data first; in production the data are somebody's.
    var.protected ? [] : [for name in var.warehouse.sources : ["delivery", "roles/bigquery.dataEditor", name]],
    var.workbench == null ? [] : [for name in var.warehouse.sources : ["workbench", "roles/bigquery.dataViewer", name]],
  )
  dataset_grants = {
    for each in local.on_datasets : "${each[0]} ${each[1]} ${each[2]}" => {
      role    = each[1]
      member  = lookup(local.member, each[0], each[0])
      dataset = each[2]
    }
  }

  # [who, role, repository].
  on_repositories = concat(
    [
      ["dataflow-worker", "roles/artifactregistry.reader", local.repository],
      ["delivery", "roles/artifactregistry.writer", local.repository],
      ["function-builder", "roles/artifactregistry.writer", "functions"],
    ],
    [for who in var.registry.readers : [who, "roles/artifactregistry.reader", local.repository]],
  )
  repository_grants = {
    for each in local.on_repositories : "${each[0]} ${each[1]} ${each[2]}" => {
      role       = each[1]
      member     = lookup(local.member, each[0], each[0])
      repository = each[2]
    }
  }

  publishers = { delivery = local.member["delivery"] }
}
