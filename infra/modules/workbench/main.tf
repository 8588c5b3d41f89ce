# A notebook in the pipeline's network: no public address, its own account, stopped when idle.

resource "google_workbench_instance" "this" {
  project         = var.project
  name            = "pipeline-workbench"
  location        = var.zone
  instance_owners = var.owners

  gce_setup {
    machine_type         = var.machine_type
    disable_public_ip    = true
    enable_ip_forwarding = false

    service_accounts {
      email = var.account
    }

    network_interfaces {
      network  = "projects/${var.project}/global/networks/${var.network}"
      subnet   = "projects/${var.project}/${var.subnetwork}"
      nic_type = "GVNIC"
    }

    boot_disk {
      disk_type       = "PD_BALANCED"
      disk_size_gb    = "150" # the least that Workbench takes
      disk_encryption = var.key == null ? "GMEK" : "CMEK"
      kms_key         = var.key
    }

    data_disks {
      disk_type       = "PD_BALANCED"
      disk_size_gb    = "100"
      disk_encryption = var.key == null ? "GMEK" : "CMEK"
      kms_key         = var.key
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_vtpm                 = true
      enable_integrity_monitoring = true
    }

    metadata = {
      idle-timeout-seconds       = tostring(var.idle_minutes * 60)
      notebook-disable-downloads = "true" # data leaves by the bucket, whose log says so
      notebook-disable-root      = "true"
      block-project-ssh-keys     = "true"
    }
  }

  lifecycle {
    ignore_changes = [desired_state] # what stopped itself when idle stays stopped
  }
}
