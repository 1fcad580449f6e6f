#!/usr/bin/env bash
# Draws the pictures of data and models in Docs/Images: a network that is trained on Fashion-MNIST for an epoch, and one that
# tells flowers apart by two measures. Needs the data set and a build.
# Then those of the course, which its lessons draw.
#   bash Scripts/pictures.sh [apus [apus-course]]
set -euo pipefail
cd "$(dirname "$0")/.."
apus=$(realpath "${1:-.build/release/apus}")
course=$(realpath "${2:-.build/release/apus-course}")
images=Docs/Images
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for lesson in $(sed -n 's/^swift run -c release apus-course //p' Docs/Course.md | sort -u); do
  echo "lesson $lesson"
  "$course" "$lesson" --pictures $images > /dev/null
done

"$apus" plot activations -o $images/activations.svg
"$apus" plot model Graphs/Models/cnn.graph -o $images/cnn.svg

"$apus" train Graphs/Models/cnn.graph --data fashion-mnist --optimizer adam --verbose silent --save "$folder/clothes"
"$apus" predict "$folder/clothes" --data fashion-mnist --first 25 --grid $images/predictions.svg > /dev/null
"$apus" predict "$folder/clothes" --data fashion-mnist --first 1 --layer conv1 -o $images/feature-maps.png
"$apus" plot filters "$folder/clothes" --layer conv1 -o $images/filters.png

for optimizer in sgd adam; do
  "$apus" train Docs/Examples/measures.graph --data Docs/Examples/flowers.csv --target species --features stem,petal \
    --missing drop --mix --validation-split 0.2 --optimizer "$optimizer(learning_rate=0.05)" --epochs 30 --batch 8 \
    --verbose silent --save "$folder/$optimizer"
done
"$apus" plot regions "$folder/adam" --data Docs/Examples/flowers.csv -o $images/regions.svg
images=$PWD/$images
cd "$folder"
"$apus" plot history sgd adam --title "two optimizers" -o "$images/optimizers.svg"
