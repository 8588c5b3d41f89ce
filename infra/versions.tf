# One project and region of Google Cloud, with everything that the pipeline needs; infra/README.md has the picture.
#
#   make up ENV=dev          # or, by hand, from infra/:
#   terraform init -backend-config=bucket=my-project-dev-terraform-state -backend-config=prefix=dev
#   terraform plan -var-file=environments/dev.tfvars
#
# The first apply takes about 10 minutes; what stands idle afterwards costs about a dollar a month (infra/README.md).
terraform {
  required_version = ">= 1.9, < 2.0" # conditions of one variable that look at another

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 6.50, < 8"
    }
  }

  backend "gcs" {} # bucket and prefix: by -backend-config, because a backend takes no variables
}

provider "google" {
  project               = var.project
  region                = var.region
  default_labels        = local.labels
  billing_project       = var.project
  user_project_override = true # else budgets, requested by a person, count against Google's own client project
}

provider "google-beta" {
  project               = var.project
  region                = var.region
  default_labels        = local.labels
  billing_project       = var.project
  user_project_override = true
}
