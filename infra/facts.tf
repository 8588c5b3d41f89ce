# Facts that variables are checked against. Where Google adds a region or a machine, add it here.

locals {
  # Regions in which Vertex AI runs pipelines, training and prediction.
  regions = [
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1",
    "asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2", "europe-central2",
    "europe-north1", "europe-southwest1", "europe-west1", "europe-west2", "europe-west3", "europe-west4",
    "europe-west6", "europe-west8", "europe-west9", "europe-west12", "me-central1", "me-central2", "me-west1",
    "northamerica-northeast1", "northamerica-northeast2", "southamerica-east1", "southamerica-west1", "us-central1",
    "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
  ]

  # Machines of notebooks: how many virtual CPUs each family comes with.
  machine_sizes = {
    e2-standard = [2, 4, 8, 16, 32]
    e2-highmem  = [2, 4, 8, 16]
    n1-standard = [1, 2, 4, 8, 16, 32, 64, 96]
    n1-highmem  = [2, 4, 8, 16, 32, 64, 96]
    n2-standard = [2, 4, 8, 16, 32, 48, 64, 80, 96, 128]
    n2-highmem  = [2, 4, 8, 16, 32, 48, 64, 80, 96, 128]
    g2-standard = [4, 8, 12, 16, 24, 32, 48, 96]
  }
  machines = toset(flatten([for family, sizes in local.machine_sizes : [for size in sizes : "${family}-${size}"]]))

  # The GPUs of g2 stand in some regions only.
  g2_regions = [
    "asia-east1", "asia-northeast1", "asia-northeast3", "asia-south1", "asia-southeast1", "europe-west1", "europe-west2",
    "europe-west3", "europe-west4", "europe-west6", "me-central2", "northamerica-northeast2", "us-central1", "us-east1",
    "us-east4", "us-west1", "us-west4",
  ]

  # A cron field: a number, a range or *, each with a step, in a list.
  cron_values = {
    minute  = "[0-5]?[0-9]"
    hour    = "(?:[01]?[0-9]|2[0-3])"
    day     = "(?:0?[1-9]|[12][0-9]|3[01])"
    month   = "(?:0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    weekday = "(?:[0-7]|sun|mon|tue|wed|thu|fri|sat)"
  }
  cron_fields = {
    for name, value in local.cron_values :
    name => "(?:\\*|${value}(?:-${value})?)(?:/[1-9][0-9]?)?(?:,${value}(?:-${value})?(?:/[1-9][0-9]?)?)*"
  }
  cron = "^${local.cron_fields.minute} ${local.cron_fields.hour} ${local.cron_fields.day} ${local.cron_fields.month} ${local.cron_fields.weekday}$"
}
