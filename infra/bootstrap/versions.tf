# Once a project: the bucket that keeps Terraform's state, and the APIs without which Terraform cannot begin.
#
#   terraform -chdir=infra/bootstrap init
#   terraform -chdir=infra/bootstrap apply -var project=my-project-dev -var region=us-central1 -var environment=dev
#
# Takes a minute, costs cents a year. Its own state is a file here (make up keeps it below output/infra/): who has lost
# it imports the bucket (terraform import google_storage_bucket.state NAME).
terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8"
    }
  }

  backend "local" {} # where: by -backend-config=path=FILE
}

provider "google" {
  project = var.project
  region  = var.region

  default_labels = {
    environment = var.environment
    managed_by  = "terraform"
  }
}
