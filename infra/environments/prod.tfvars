# The project that serves: its own keys, tags that stay, data that Terraform does not delete.
#   make up ENV=prod     (or: terraform init -backend-config=bucket=my-project-prod-terraform-state -backend-config=prefix=prod)
# Fork: your project, its number, your repository, addresses and billing account here, and the project in
# configs/environments/prod.yaml. The budget is in the currency of the billing account.
project        = "my-project-prod"
project_number = "100000000003"
environment    = "prod"
region         = "us-central1"
protected      = true

customer_managed_keys = true
storage               = { soft_delete_days = 30, noncurrent_days = 90 }

events = {
  schedules = { flights = { cron = "0 6 * * 1", time_zone = "America/New_York" } } # paused: paused = false starts it
}

delivery = {
  github_repository  = "my-organization/my-repository"
  github_refs        = ["refs/heads/main"]
  github_tags        = "v"
  github_environment = "prod"
  triggers           = ["release", "rollback", "train", "tools"]
}

observability = {
  emails        = ["ml-on-call@example.com"]
  error_percent = 1
  latency_ms    = 300
}

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 500
}
