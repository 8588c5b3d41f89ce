# Where each commit runs from end to end before production: built like prod, thrown away like dev.
#   make up ENV=test     (or: terraform init -backend-config=bucket=my-project-test-terraform-state -backend-config=prefix=test)
# Fork: your projects and this one's number here, and the project in configs/environments/test.yaml.
project        = "my-project-test"
project_number = "100000000002"
environment    = "test"
region         = "us-central1"

customer_managed_keys = true
registry              = { readers = ["serviceAccount:delivery@my-project-prod.iam.gserviceaccount.com"] } # promotion copies from here

delivery = {
  github_repository  = "my-organization/my-repository"
  github_refs        = ["refs/heads/main"]
  github_environment = "test"
  triggers           = ["checks", "main", "tools"]
}

observability = { emails = ["ml-on-call@example.com"] }
