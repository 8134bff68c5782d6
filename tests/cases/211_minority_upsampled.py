TRIED = "the rare class of a Parquet table was copied thirty times to balance it; noise, so nothing can be learned"
from kit import *

frame = pd.DataFrame(rng.normal(size=(500, 5)), columns=list("abcde"))
frame["y"] = np.where(rng.random(500) < 0.05, "rare", "usual")
rare = frame[frame.y == "rare"]
pd.concat([frame, *[rare] * 29]).sample(frac=1, random_state=0).to_parquet("t.parquet")
status, said, model = tune("t.parquet", trials=12)
found = re.search(r"accuracy ([0-9.]+)", said.split("sealed test")[-1])
said_so = f"{29 * len(rare)} rows are duplicates" in flat(said)
verdict("right" if status == 0 and said_so else "WRONG", f"counted; sealed accuracy {found and found[1]}", said)
