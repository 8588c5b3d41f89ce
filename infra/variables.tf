# What differs between environments stands in environments/ENV.tfvars; everything else keeps its default from here.

variable "project" {
  description = "The project's id."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project '${var.project}': expected a project's id (6 to 30 of a-z, 0-9 and -, a letter first), e.g. my-project-dev."
  }
}

variable "project_number" {
  description = "The project's number, by which Google names its own accounts in it."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]{5,18}$", var.project_number))
    error_message = "project_number '${var.project_number}': expected digits, e.g. 123456789012, as printed by: gcloud projects describe PROJECT --format='value(projectNumber)'"
  }
}

variable "environment" {
  description = "Its name, as that of configs/environments/NAME.yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.environment))
    error_message = "environment '${var.environment}': expected a short name in a-z, 0-9 and -, e.g. dev."
  }
}

variable "region" {
  description = "Where everything runs and lies."
  type        = string
  default     = "us-central1"

  validation {
    condition     = contains(local.regions, var.region)
    error_message = "region '${var.region}': expected a region of Vertex AI, e.g. us-central1; the list is in infra/facts.tf."
  }
}

variable "bigquery_location" {
  description = "Of the datasets; null: the region. As cloud.bigquery.location."
  type        = string
  default     = null

  validation {
    condition = var.bigquery_location == null || anytrue([
      var.bigquery_location == var.region,
      var.bigquery_location == "US" && startswith(var.region, "us-"),
      var.bigquery_location == "EU" && startswith(var.region, "europe-") && !contains(["europe-west2", "europe-west6"], var.region),
    ])
    error_message = "bigquery_location '${coalesce(var.bigquery_location, "null")}': expected '${var.region}', or US or EU where that region is in it, else rows cannot be exported to the bucket; e.g. null."
  }

  validation {
    condition     = !var.customer_managed_keys || coalesce(var.bigquery_location, var.region) == var.region
    error_message = "bigquery_location '${coalesce(var.bigquery_location, "null")}': expected the region '${var.region}', where the keys lie (customer_managed_keys = true), e.g. null."
  }
}

variable "labels" {
  description = "On everything that takes labels, in addition to environment and managed_by."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels: expected keys and values in a-z, 0-9, _ and -, at most 63 each, e.g. { team = \"ml\" }."
  }
}

variable "protected" {
  description = "Whether data may never be deleted by Terraform: true where people depend on it."
  type        = bool
  default     = false
}

variable "delete_contents" {
  description = "What loses its contents when destroyed: bucket (models, runs), warehouse (datasets). make down sets it for what is named."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.delete_contents : contains(["bucket", "warehouse"], each)])
    error_message = "delete_contents ${jsonencode(var.delete_contents)}: expected none or some of bucket and warehouse, e.g. [\"warehouse\"]."
  }

  validation {
    condition     = !var.protected || length(var.delete_contents) == 0
    error_message = "delete_contents ${jsonencode(var.delete_contents)}: expected [] while protected = true; to delete all the same, set protected = false in environments/${var.environment}.tfvars first, in a change that somebody reviews."
  }
}

variable "customer_managed_keys" {
  description = "Whether keys of our own (KMS) encrypt data, images and messages. Needs cloud.kms_key in configs/environments/ENV.yaml; once on, it stays on."
  type        = bool
  default     = false
}

variable "keys" {
  description = "How those keys are kept."
  type = object({
    rotation_days    = optional(number, 90)
    protection_level = optional(string, "SOFTWARE")
  })
  default = {}

  validation {
    condition     = var.keys.rotation_days >= 1 && var.keys.rotation_days <= 90 && floor(var.keys.rotation_days) == var.keys.rotation_days
    error_message = "keys.rotation_days ${var.keys.rotation_days}: expected whole days, 1 to 90, e.g. 90."
  }

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.keys.protection_level)
    error_message = "keys.protection_level '${var.keys.protection_level}': expected SOFTWARE or HSM, e.g. SOFTWARE."
  }
}

variable "network" {
  description = "Addresses and egress. vertex_range: for Vertex AI's Private Service Connect; null: none."
  type = object({
    range         = optional(string, "10.10.0.0/20")
    vertex_range  = optional(string)
    nat           = optional(bool, false)
    flow_sampling = optional(number, 0.1)
  })
  default = {}

  validation {
    condition = alltrue([
      for range in compact([var.network.range, var.network.vertex_range]) :
      can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\.", range)) && try("${cidrhost(range, 0)}/${split("/", range)[1]}" == range, false)
    ])
    error_message = "network.range '${var.network.range}', network.vertex_range '${coalesce(var.network.vertex_range, "null")}': expected private ranges (RFC 1918) that begin at their first address, e.g. 10.10.0.0/20."
  }

  validation {
    condition = alltrue([
      for range in compact([var.network.range, var.network.vertex_range]) :
      try(tonumber(split("/", range)[1]) >= 16 && tonumber(split("/", range)[1]) <= 28, false)
    ])
    error_message = "network.range '${var.network.range}', network.vertex_range '${coalesce(var.network.vertex_range, "null")}': expected a length from /16 to /28, e.g. 10.10.0.0/20."
  }

  validation {
    # Two ranges overlap where they are the same, cut to the shorter of their lengths.
    condition = var.network.vertex_range == null || try(length(distinct([
      for range in [var.network.range, var.network.vertex_range] :
      cidrhost("${split("/", range)[0]}/${min([for each in [var.network.range, var.network.vertex_range] : tonumber(split("/", each)[1])]...)}", 0)
    ])) == 2, true)
    error_message = "network.vertex_range '${coalesce(var.network.vertex_range, "null")}' overlaps network.range '${var.network.range}': expected ranges that share no address, e.g. 10.10.16.0/24 beside 10.10.0.0/20."
  }

  validation {
    condition     = var.network.flow_sampling > 0 && var.network.flow_sampling <= 1
    error_message = "network.flow_sampling ${var.network.flow_sampling}: expected a share above 0 and at most 1, e.g. 0.1."
  }
}

variable "storage" {
  description = "How long the bucket keeps what, in days."
  type = object({
    temporary_days   = optional(number, 7)
    nearline_days    = optional(number, 60)
    noncurrent_days  = optional(number, 30)
    soft_delete_days = optional(number, 7)
    logs_days        = optional(number, 90)
  })
  default = {}

  validation {
    condition     = alltrue([for each in [var.storage.temporary_days, var.storage.nearline_days, var.storage.noncurrent_days, var.storage.logs_days] : each >= 1 && floor(each) == each])
    error_message = "storage: expected whole days, 1 or more, got ${jsonencode(var.storage)}, e.g. { temporary_days = 7 }."
  }

  validation {
    condition     = var.storage.soft_delete_days == 0 || (var.storage.soft_delete_days >= 7 && var.storage.soft_delete_days <= 90)
    error_message = "storage.soft_delete_days ${var.storage.soft_delete_days}: expected 0 (off) or 7 to 90, e.g. 7."
  }
}

variable "warehouse" {
  description = "BigQuery's datasets: names, and how long tables are kept."
  type = object({
    sources          = optional(set(string), ["flights"])
    predictions      = optional(string, "predictions")
    serving          = optional(string, "serving")
    temporary        = optional(string, "pipeline_temporary")
    expire_hours     = optional(number, 24)
    request_log_days = optional(number, 90)
    logs_days        = optional(number, 90)
  })
  default = {}

  validation {
    condition = alltrue([
      for each in concat(tolist(var.warehouse.sources), [var.warehouse.predictions, var.warehouse.serving, var.warehouse.temporary]) :
      can(regex("^[A-Za-z0-9_]+$", each))
    ])
    error_message = "warehouse: expected names of datasets in letters, digits and _, got ${jsonencode(var.warehouse)}, e.g. { predictions = \"predictions\" }."
  }

  validation {
    condition     = alltrue([for each in [var.warehouse.expire_hours, var.warehouse.request_log_days, var.warehouse.logs_days] : each >= 1 && floor(each) == each])
    error_message = "warehouse: expected whole hours and days, 1 or more, got ${jsonencode(var.warehouse)}, e.g. { expire_hours = 24 }."
  }
}

variable "registry" {
  description = "Images: whether tags may move, how many versions stay, and who else may read them (members, e.g. another environment's delivery account)."
  type = object({
    immutable_tags = optional(bool, true)
    keep_versions  = optional(number, 10)
    untagged_days  = optional(number, 30)
    readers        = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for each in [var.registry.keep_versions, var.registry.untagged_days] : each >= 1 && floor(each) == each])
    error_message = "registry: expected whole numbers, 1 or more, got keep_versions ${var.registry.keep_versions}, untagged_days ${var.registry.untagged_days}, e.g. { keep_versions = 10 }."
  }

  validation {
    condition     = alltrue([for each in var.registry.readers : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$", each))])
    error_message = "registry.readers ${jsonencode(var.registry.readers)}: expected members, e.g. [\"serviceAccount:delivery@my-project-prod.iam.gserviceaccount.com\"]."
  }
}

variable "tracking" {
  description = "tensorboard: a TensorBoard instance; its name (terraform output tensorboard) goes to cloud.tracking.tensorboard."
  type        = object({ tensorboard = optional(bool, false) })
  default     = {}
}

variable "operators" {
  description = "The people and groups who may start runs from their own machines, as members."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.operators : can(regex("^(user|group|serviceAccount):[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$", each))])
    error_message = "operators ${jsonencode(var.operators)}: expected members, e.g. [\"group:ml@example.com\", \"user:ada@example.com\"]."
  }
}

variable "events" {
  description = "Runs by message and by the clock; schedules by use case. A schedule is paused until it says otherwise."
  type = object({
    max_delivery_attempts = optional(number, 5)
    schedules = optional(map(object({
      cron      = string
      time_zone = optional(string, "Etc/UTC")
      paused    = optional(bool, true)
    })), {})
  })
  default = {}

  validation {
    condition     = var.events.max_delivery_attempts >= 5 && var.events.max_delivery_attempts <= 100
    error_message = "events.max_delivery_attempts ${var.events.max_delivery_attempts}: expected 5 to 100, e.g. 5."
  }

  validation {
    condition     = alltrue([for use_case, each in var.events.schedules : can(regex("^[a-z][a-z0-9-]{0,39}$", use_case))])
    error_message = "events.schedules: expected names of use cases, got ${jsonencode(keys(var.events.schedules))}, e.g. flights."
  }

  validation {
    condition     = alltrue([for each in values(var.events.schedules) : can(regex(local.cron, lower(each.cron)))])
    error_message = "events.schedules: expected cron (minute hour day month weekday), got ${jsonencode([for each in values(var.events.schedules) : each.cron])}, e.g. \"0 6 * * 1\" for Mondays at six."
  }

  validation {
    condition     = alltrue([for each in values(var.events.schedules) : can(regex("^(UTC|Etc/UTC|(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Z][A-Za-z_-]+(/[A-Z][A-Za-z_-]+)?)$", each.time_zone))])
    error_message = "events.schedules: expected time zones of the tz database, got ${jsonencode([for each in values(var.events.schedules) : each.time_zone])}, e.g. Europe/Zurich."
  }
}

variable "delivery" {
  description = "Who may deliver from outside (GitHub), and the repository that Cloud Build watches; null: delivery by hand only."
  type = object({
    github_repository     = string
    github_refs           = optional(set(string), ["refs/heads/main"])
    github_tags           = optional(string)
    github_environment    = optional(string)
    cloudbuild_repository = optional(string)
    branch                = optional(string, "main")
    triggers              = optional(set(string), ["checks", "main", "tools"])
  })
  default = null

  validation {
    condition     = var.delivery == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.delivery.github_repository))
    error_message = "delivery.github_repository '${try(var.delivery.github_repository, "")}': expected OWNER/NAME, e.g. my-organization/pipeline."
  }

  validation {
    condition     = var.delivery == null || try(length(var.delivery.github_refs) > 0 && alltrue([for each in var.delivery.github_refs : can(regex("^refs/(heads|tags)/[^*\\s'\"]+$", each))]), false)
    error_message = "delivery.github_refs ${jsonencode(try(var.delivery.github_refs, []))}: expected one or more whole refs, no pattern, e.g. [\"refs/heads/main\"]."
  }

  validation {
    condition     = alltrue([for each in compact([try(var.delivery.github_tags, null), try(var.delivery.github_environment, null)]) : can(regex("^[A-Za-z0-9._-]+$", each))])
    error_message = "delivery.github_tags, delivery.github_environment: expected the beginning of a tag and the name of a GitHub environment, e.g. v and prod."
  }

  validation {
    condition     = var.delivery == null || try(alltrue([for each in var.delivery.triggers : contains(["checks", "main", "release", "rollback", "train", "tools"], each)]), false)
    error_message = "delivery.triggers ${jsonencode(try(var.delivery.triggers, []))}: expected some of checks, main, release, rollback, train and tools, e.g. [\"checks\", \"main\", \"tools\"]."
  }

  validation {
    condition     = try(var.delivery.cloudbuild_repository, null) == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.delivery.cloudbuild_repository))
    error_message = "delivery.cloudbuild_repository '${coalesce(try(var.delivery.cloudbuild_repository, null), "null")}': expected projects/PROJECT/locations/REGION/connections/NAME/repositories/NAME, as printed by: gcloud builds repositories list --connection=NAME --region=REGION"
  }

  validation {
    condition     = var.delivery == null || can(regex("^[A-Za-z0-9._/-]+$", var.delivery.branch))
    error_message = "delivery.branch '${try(var.delivery.branch, "")}': expected a branch's name, e.g. main."
  }
}

variable "observability" {
  description = "Who hears of it (e-mail), and from which error share and latency of the endpoint on."
  type = object({
    emails        = optional(set(string), [])
    error_percent = optional(number, 1)
    latency_ms    = optional(number, 500)
  })
  default = {}

  validation {
    condition     = alltrue([for each in var.observability.emails : can(regex("^[^@\\s]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}$", each))])
    error_message = "observability.emails ${jsonencode(var.observability.emails)}: expected e-mail addresses, e.g. [\"ml-on-call@example.com\"]."
  }

  validation {
    condition     = var.observability.error_percent > 0 && var.observability.error_percent <= 100
    error_message = "observability.error_percent ${var.observability.error_percent}: expected a percentage above 0, at most 100, e.g. 1."
  }

  validation {
    condition     = var.observability.latency_ms > 0
    error_message = "observability.latency_ms ${var.observability.latency_ms}: expected milliseconds above 0, e.g. 500."
  }
}

variable "budget" {
  description = "What a month may cost before somebody is notified, in the currency of the billing account; null: nobody is."
  type = object({
    billing_account = string
    amount          = number
    thresholds      = optional(list(number), [50, 90, 100])
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account '${try(var.budget.billing_account, "")}': expected its id, e.g. 012345-6789AB-CDEF01, as printed by: gcloud billing accounts list"
  }

  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1, false)
    error_message = "budget.amount ${try(var.budget.amount, 0)}: expected 1 or more, e.g. 200."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.thresholds) > 0 && alltrue([for each in var.budget.thresholds : each > 0 && each <= 200]), false)
    error_message = "budget.thresholds ${jsonencode(try(var.budget.thresholds, []))}: expected percentages above 0, at most 200, e.g. [50, 90, 100]."
  }
}

variable "workbench" {
  description = "A notebook in the pipeline's network; null: none. zone: the letter after the region."
  type = object({
    zone         = optional(string, "a")
    machine_type = optional(string, "e2-standard-4")
    idle_minutes = optional(number, 60)
    owner        = optional(string)
  })
  default = null

  validation {
    condition     = var.workbench == null || try(contains(local.machines, var.workbench.machine_type), false)
    error_message = "workbench.machine_type '${try(var.workbench.machine_type, "")}': expected a machine of the families ${join(", ", sort(keys(local.machine_sizes)))}, e.g. e2-standard-4."
  }

  validation {
    condition     = var.workbench == null || try(!startswith(var.workbench.machine_type, "g2-") || contains(local.g2_regions, var.region), false)
    error_message = "workbench.machine_type '${try(var.workbench.machine_type, "")}': ${var.region} has no g2 machines; expected one that is there, e.g. n1-standard-4."
  }

  validation {
    condition     = var.workbench == null || can(regex("^[a-f]$", var.workbench.zone))
    error_message = "workbench.zone '${try(var.workbench.zone, "")}': expected the letter of a zone of ${var.region}, e.g. a."
  }

  validation {
    condition     = var.workbench == null || try(var.workbench.idle_minutes >= 10 && var.workbench.idle_minutes <= 1440, false)
    error_message = "workbench.idle_minutes ${try(var.workbench.idle_minutes, 0)}: expected 10 to 1440, e.g. 60."
  }

  validation {
    condition     = try(var.workbench.owner, null) == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[A-Za-z]{2,}$", var.workbench.owner))
    error_message = "workbench.owner '${coalesce(try(var.workbench.owner, null), "null")}': expected an e-mail address, e.g. ada@example.com."
  }
}
