// Command bench measures this framework side by side with others: it runs each server with each workload in processes of their own,
// round after round, and reports. README.md of the module says how.
package main
