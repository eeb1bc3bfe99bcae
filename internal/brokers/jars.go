package brokers

import (
	"fmt"
	"os"
	"path/filepath"
)

// The releases of the brokers that are jars, as scripts/install-brokers.sh puts them into .tools/brokers.
const (
	kafkaRelease    = "kafka-4.1.0"
	rocketmqRelease = "rocketmq-5.3.3"
)

// needJars says how to install a release that is missing.
func needJars(release string) error {
	if err := needCommand("java", "default-jre-headless"); err != nil {
		return err
	}
	_, err := jars(release)
	return err
}

// jars is the class path of a release. It is looked for from the test's folder upwards, to the repository's root.
func jars(release string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		lib := filepath.Join(dir, ".tools", "brokers", release, "lib")
		if _, err := os.Stat(lib); err == nil {
			return filepath.Join(lib, "*"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("%s is not in .tools/brokers: run scripts/install-brokers.sh", release)
		}
		dir = parent
	}
}

// java is the command line of a Java program that has the machine to share: it starts quickly rather than runs fast in the end.
func java(release string, options []string, main string, args ...string) []string {
	classes, err := jars(release)
	if err != nil {
		classes = err.Error() // recipe.missing has reported it
	}
	argv := append([]string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"}, options...)
	argv = append(argv, "-cp", classes, main)
	return append(argv, args...)
}
