"""What can be asked of a worker, the ledger of jobs, and the queue; knows nothing of what handlers do."""
