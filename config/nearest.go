package config

import (
	"slices"
	"strings"
)

// didYouMean returns the end of an error message: the candidate that name was
// probably meant to be, or nothing if none is near enough to be helpful.
func didYouMean(name string, candidates []string) string {
	// A third of what was typed can be wrong, the section around it left out.
	typed := len(name) - strings.LastIndexByte(name, '.') - 1
	best, bestDistance := "", min(3, (typed+1)/3)+1
	for _, candidate := range slices.Sorted(slices.Values(candidates)) {
		if d := editDistance(name, candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// editDistance returns how many times a byte has to be inserted, deleted or
// replaced, or two neighbours swapped, to get from one text to the other. (It is
// Damerau's distance in its simple form, optimal string alignment.)
func editDistance(from, to string) int {
	// A row has the distances from one beginning of from to each beginning of to.
	var before, above []int
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		before, above, row = above, row, make([]int, len(to)+1)
		row[0] = i + 1
		for j := range len(to) {
			replaced := above[j]
			if from[i] != to[j] {
				replaced++
			}
			row[j+1] = min(replaced, row[j]+1, above[j+1]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(to)]
}
