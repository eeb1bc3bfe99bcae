// Package stats has the statistics of the measurements: a histogram of times, medians with their spread, and paired ratios.
package stats
