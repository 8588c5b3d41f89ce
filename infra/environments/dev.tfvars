# To try things in: no key of our own, tags that move, data that may be deleted when asked by name.
#   make up ENV=dev      (or: terraform init -backend-config=bucket=my-project-dev-terraform-state -backend-config=prefix=dev)
# Fork: your project and its number here, and the project in configs/environments/dev.yaml.
project        = "my-project-dev"
project_number = "100000000001"
environment    = "dev"
region         = "us-central1"

registry = { immutable_tags = false } # the tag dev moves

events = {
  schedules = { flights = { cron = "0 6 * * 1", time_zone = "America/New_York" } } # paused
}
