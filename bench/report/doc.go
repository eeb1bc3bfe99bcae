// Package report makes what the runner measured into files that people read: a Markdown table with medians, spreads, paired ratios
// and goals, a plot, and the figures of each round as JSON.
package report
