"""The programs that the emulated host has on its PATH; they run in processes of their own and import no moto."""
