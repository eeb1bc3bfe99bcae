// Package suite is what is measured: the workloads, and how a round runs each of them against each server in processes of their own.
package suite
