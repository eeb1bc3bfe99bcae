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

// editDistance returns how many bytes have to be inserted, deleted or replaced
// to get from one text to the other (Levenshtein's distance).
func editDistance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			replaced := diagonal
			if from[i] != to[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}
