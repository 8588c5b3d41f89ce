locals {
  labels = merge(var.labels, { environment = var.environment, managed_by = "terraform" })

  # As configs/environments/ENV.yaml has them; tests/infra/test_names.py compares the two.
  name       = "pipeline"
  bucket     = "${var.project}-pipeline"
  repository = "pipeline"
  topic      = "pipeline-runs"
  function   = "pipeline-trigger"

  # Google's own accounts in the project, by which its services use keys and topics.
  agents = {
    for name, account in {
      artifacts = "service-${var.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
      bigquery  = "bq-${var.project_number}@bigquery-encryption.iam.gserviceaccount.com"
      compute   = "service-${var.project_number}@compute-system.iam.gserviceaccount.com"
      dataflow  = "service-${var.project_number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
      functions = "service-${var.project_number}@gcf-admin-robot.iam.gserviceaccount.com"
      notebooks = "service-${var.project_number}@gcp-sa-notebooks.iam.gserviceaccount.com"
      pubsub    = "service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
      run       = "service-${var.project_number}@serverless-robot-prod.iam.gserviceaccount.com"
      storage   = "service-${var.project_number}@gs-project-accounts.iam.gserviceaccount.com"
      vertex    = "service-${var.project_number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
    } : name => "serviceAccount:${account}"
  }

  # Two keys: who reads the data need not be able to read, or break, the code that runs.
  keys = {
    pipeline = {
      for name in concat(["bigquery", "compute", "dataflow", "storage", "vertex"], var.workbench == null ? [] : ["notebooks"]) :
      name => local.agents[name]
    }
    delivery = { for name in ["artifacts", "functions", "pubsub", "run", "storage"] : name => local.agents[name] }
  }
  data_key     = one([for each in module.keys : each.names["pipeline"]])
  delivery_key = one([for each in module.keys : each.names["delivery"]])
}

module "services" {
  source = "./modules/services"

  project = var.project
  apis = toset([
    for name in [
      "aiplatform", "artifactregistry", "bigquery", "bigquerystorage", "billingbudgets", "cloudbuild", "cloudfunctions",
      "cloudkms", "cloudquotas", "cloudresourcemanager", "cloudscheduler", "compute", "containerscanning", "dataflow",
      "iam", "iamcredentials", "logging", "monitoring", "notebooks", "ondemandscanning", "pubsub", "run", "serviceusage",
      "storage", "sts",
    ] : "${name}.googleapis.com"
  ])
  agents = toset([
    for name in ["aiplatform", "artifactregistry", "cloudfunctions", "dataflow", "notebooks", "pubsub", "run"] : "${name}.googleapis.com"
  ])
}

module "identity" {
  source = "./modules/identity"

  project        = module.services.project
  accounts       = local.accounts
  roles          = local.custom_roles
  project_grants = local.project_grants
  account_grants = local.account_grants
}

module "keys" {
  source = "./modules/keys"
  count  = var.customer_managed_keys ? 1 : 0

  project          = module.services.project
  region           = var.region
  ring             = local.name
  keys             = local.keys
  rotation_days    = var.keys.rotation_days
  protection_level = var.keys.protection_level
}

module "network" {
  source = "./modules/network"

  project       = module.services.project
  region        = var.region
  name          = local.name
  range         = var.network.range
  vertex_range  = var.network.vertex_range
  nat           = var.network.nat
  flow_sampling = var.network.flow_sampling
}

module "storage" {
  source = "./modules/storage"

  project          = module.services.project
  location         = var.region
  bucket           = local.bucket
  logs_bucket      = "${var.project}-logs"
  key              = local.data_key
  temporary_days   = var.storage.temporary_days
  nearline_days    = var.storage.nearline_days
  noncurrent_days  = var.storage.noncurrent_days
  soft_delete_days = var.storage.soft_delete_days
  logs_days        = var.storage.logs_days
  delete_contents  = contains(var.delete_contents, "bucket")
  grants           = local.bucket_grants
}

module "warehouse" {
  source = "./modules/warehouse"

  project         = module.services.project
  location        = coalesce(var.bigquery_location, var.region)
  key             = local.data_key
  delete_contents = contains(var.delete_contents, "warehouse")
  grants          = local.dataset_grants

  datasets = merge(
    { for name in var.warehouse.sources : name => { description = "What the pipeline learns from" } },
    {
      (var.warehouse.temporary)   = { description = "Rows on their way to the bucket", table_hours = var.warehouse.expire_hours }
      (var.warehouse.predictions) = { description = "What batch prediction delivers" }
      (var.warehouse.serving)     = { description = "A sample of the endpoint's requests", partition_days = var.warehouse.request_log_days }
      logs                        = { description = "Warnings and errors of runs", partition_days = var.warehouse.logs_days }
    },
  )
}

module "registry" {
  source = "./modules/registry"

  project       = module.services.project
  region        = var.region
  keep_versions = var.registry.keep_versions
  untagged_days = var.registry.untagged_days
  key           = local.delivery_key
  grants        = local.repository_grants

  repositories = {
    (local.repository) = {
      description    = "Images of stages, workers and servers"
      immutable_tags = var.registry.immutable_tags
    }
    functions = {
      description    = "Images that Cloud Functions builds"
      immutable_tags = false # Cloud Functions moves its own tags
    }
  }
}

module "tracking" {
  source = "./modules/tracking"

  project     = module.services.project
  region      = var.region
  key         = local.data_key
  tensorboard = var.tracking.tensorboard
}

module "events" {
  source = "./modules/events"

  project               = module.services.project
  region                = var.region
  topic                 = local.topic
  function              = local.function
  source_archive        = "${path.root}/../output/trigger.zip"
  bucket                = module.storage.bucket
  repository            = module.registry.ids["functions"]
  build_account         = module.identity.emails["function-builder"]
  run_account           = module.identity.emails["trigger"]
  push_account          = module.identity.emails["trigger-invoker"]
  pubsub_agent          = local.agents.pubsub
  publishers            = local.publishers
  key                   = local.delivery_key
  max_delivery_attempts = var.events.max_delivery_attempts
  schedules             = var.events.schedules
}

module "delivery" {
  source = "./modules/delivery"
  count  = var.delivery == null ? 0 : 1

  project               = module.services.project
  project_number        = var.project_number
  region                = var.region
  account               = module.identity.emails["delivery"]
  github_repository     = var.delivery.github_repository
  github_refs           = var.delivery.github_refs
  github_tags           = var.delivery.github_tags
  github_environment    = var.delivery.github_environment
  cloudbuild_repository = var.delivery.cloudbuild_repository
  branch                = var.delivery.branch
  triggers              = var.delivery.triggers
}

module "observability" {
  source = "./modules/observability"

  project        = module.services.project
  project_number = var.project_number
  environment    = var.environment
  emails         = var.observability.emails
  error_percent  = var.observability.error_percent
  latency_ms     = var.observability.latency_ms
  dead_letters   = module.events.dead_letters
  logs_bucket    = module.storage.logs_bucket
  logs_dataset   = module.warehouse.datasets["logs"]
  budget         = var.budget
}

module "workbench" {
  source = "./modules/workbench"
  count  = var.workbench == null ? 0 : 1

  project      = module.services.project
  zone         = "${var.region}-${var.workbench.zone}"
  machine_type = var.workbench.machine_type
  network      = module.network.network
  subnetwork   = module.network.subnetwork
  account      = module.identity.emails["workbench"]
  owners       = compact([var.workbench.owner])
  idle_minutes = var.workbench.idle_minutes
  key          = local.data_key
}
